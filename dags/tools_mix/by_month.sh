#!/bin/sh
# by_month.sh PREFIX: the orders in PREFIX/orders.csv by month, in PREFIX/by_month.csv.
set -eu
object-store get "$1/orders.csv" orders.csv
monthly < orders.csv > by_month.csv
object-store put by_month.csv "$1/by_month.csv"
