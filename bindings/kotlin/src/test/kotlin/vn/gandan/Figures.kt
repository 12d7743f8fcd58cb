package vn.gandan

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.lang.management.ManagementFactory
import java.nio.file.Files
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.measureTime

/**
 * The figures of `cargo xtask bench bindings`, each beside its bound. Not a test of every day: the name is none that Maven
 * looks for.
 */
class Figures {
    private val missed = mutableListOf<String>()

    private fun figure(name: String, value: Double, unit: String, bound: Double) {
        val good = value <= bound
        println("  %s %-58s %10.2f %-3s ≤ %.0f".format(if (good) "✓" else "✗", name, value, unit, bound))
        if (!good) missed += name
    }

    @Test
    fun measure(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                device(server, folder, "CB-151").use { page(it) }
                calls()
                System.gc()
                val before = nativeKilobytes()
                fill(folder)
                opening(folder)
                GanDan.open(folder, { KEY }).use { client ->
                    figure("a page of 50 of 10,000 visits, the middle of 101", page(client), "ms", 5.0)
                    check(client.allVisits().toList().size == 10_000)
                    System.gc()
                    figure("memory for 10,000 visits, beside the JVM's heap", (nativeKilobytes() - before) / 1024.0, "MB", 80.0)
                }
            }
        }
        // What a call leaves behind does not depend on how much there is to look at.
        inFolder { folder -> GanDan.open(folder, { KEY }).use { leak(it) } }
        assertTrue(missed.isEmpty(), "missed: $missed")
    }

    /** In another process: what it takes to import ten thousand at once is not what an app needs that has them. */
    private fun fill(folder: java.nio.file.Path) {
        val visits = Files.createTempFile("visits", ".jsonl")
        visits.toFile().printWriter().use { out -> repeat(10_000) { out.println(visitLine(it)) } }
        Worker(folder, "import", visits.toString()).use { it.join() }
        Files.delete(visits)
    }

    private fun calls() {
        figure("a small call that gives a text, processor", microseconds { buildId() }, "µs", 20.0)
        figure("a small call, its list and text included, processor", microseconds { checkText("", false) }, "µs", 20.0)
    }

    /** Of the processor: the call stays in this thread, and other work on the machine is not its. */
    private fun microseconds(call: () -> Unit): Double {
        repeat(20_000) { call() }
        val times = 100_000
        val processor = ManagementFactory.getThreadMXBean()
        val before = processor.currentThreadCpuTime
        repeat(times) { call() }
        return (processor.currentThreadCpuTime - before) / 1_000.0 / times
    }

    private suspend fun opening(folder: java.nio.file.Path) {
        val times = (1..9).map {
            val client: Client
            val time = measureTime { client = GanDan.open(folder, { KEY }) }
            client.closeFully()
            time
        }
        figure("opening with 10,000 visits, the middle of 9", middle(times), "ms", 150.0)
    }

    /** Milliseconds of a first page, the middle of 101. */
    private suspend fun page(client: Client): Double {
        repeat(50) { client.visits(VisitQuery(), Paging()) }
        return middle((1..101).map { measureTime { client.visits(VisitQuery(), Paging()) } })
    }

    private fun middle(times: List<Duration>): Double = times.sorted()[times.size / 2].toDouble(DurationUnit.MILLISECONDS)

    /** A hundred thousand calls of four kinds; what is left is compared between the second and the last tenth. */
    private suspend fun leak(client: Client) {
        suspend fun round() = repeat(2_500) {
            checkText("Bà con nêu hai việc.", false)
            client.standing()
            client.liveStanding().use { it.next() }
            assertFails { client.record("x", 1u) }
        }
        repeat(2) { round() }
        System.gc()
        val before = nativeKilobytes()
        repeat(8) { round() }
        System.gc()
        figure("growth over the last 80,000 of 100,000 calls", (nativeKilobytes() - before) / 1024.0, "MB", 8.0)
    }
}
