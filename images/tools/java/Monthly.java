import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.TreeMap;

/** Orders as CSV (order,day,region,cents) on standard input, orders and cents by month of 2026 as CSV on standard output. */
public final class Monthly {
    private static final String HEADER = "order,day,region,cents";

    private record Total(long orders, long cents) {
        Total plus(long more) {
            return new Total(orders + 1, cents + more);
        }
    }

    private Monthly() {}

    public static void main(String[] words) throws IOException {
        var months = new TreeMap<Integer, Total>();
        try (var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            if (!HEADER.equals(lines.readLine())) {
                System.err.println("monthly: the first line is not " + HEADER);
                System.exit(2);
            }
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] fields = line.split(",");
                int month = LocalDate.ofYearDay(2026, Integer.parseInt(fields[1])).getMonthValue();
                months.merge(month, new Total(1, Long.parseLong(fields[3])), (before, one) -> before.plus(one.cents()));
            }
        }
        System.out.println("month,orders,cents");
        months.forEach((month, total) -> System.out.println(month + "," + total.orders() + "," + total.cents()));
    }
}
