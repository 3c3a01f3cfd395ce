#!/bin/sh
# draw.sh PREFIX: ORDERS orders of seed SEED, in PREFIX/orders.csv.
set -eu
draw-orders "$ORDERS" "$SEED" > orders.csv
object-store put orders.csv "$1/orders.csv"
