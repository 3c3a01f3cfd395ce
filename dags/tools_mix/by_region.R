# by_region.R PREFIX: the orders in PREFIX/orders.csv by region, in PREFIX/by_region.csv.
prefix <- commandArgs(trailingOnly = TRUE)[1]

object_store <- function(...) {
  status <- system2("object-store", shQuote(c(...)))
  if (status != 0) stop("object-store failed with exit code ", status)
}

object_store("get", file.path(prefix, "orders.csv"), "orders.csv")
orders <- read.csv("orders.csv")
regions <- do.call(rbind, lapply(split(orders, orders$region), function(one) {
  data.frame(
    region = one$region[1],
    orders = nrow(one),
    cents = sum(one$cents),
    median = median(one$cents),
    deviation = round(sd(one$cents), 4)
  )
}))
write.csv(regions, "by_region.csv", row.names = FALSE, quote = FALSE)
object_store("put", "by_region.csv", file.path(prefix, "by_region.csv"))
cat("threads:", Sys.getenv("OMP_NUM_THREADS"), "\n")
