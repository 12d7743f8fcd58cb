package vn.gandan

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Files
import kotlin.time.Duration
import kotlin.time.DurationUnit
import kotlin.time.measureTime

/**
 * The figures of `cargo xtask bench bindings`, each beside its bound. Not a test of every day: the name is none that Maven
 * looks for.
 */
class Figures {
    private val lines = mutableListOf<String>()
    private val missed = mutableListOf<String>()

    private fun figure(name: String, value: Double, unit: String, bound: Double) {
        val good = value <= bound
        lines += "  %s %-58s %10.2f %-3s ≤ %.0f".format(if (good) "✓" else "✗", name, value, unit, bound)
        if (!good) missed += name
    }

    @Test
    fun measure(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                buildId()
                System.gc()
                val before = nativeKilobytes()
                fill(server, folder)
                calls()
                opening(folder)
                GanDan.open(folder, { KEY }).use { client ->
                    page(client)
                    client.allVisits().toList()
                    System.gc()
                    figure("memory beside the JVM's heap, 10,000 visits", (nativeKilobytes() - before) / 1024.0, "MB", 80.0)
                    leak(client)
                }
            }
        }
        println(lines.joinToString("\n"))
        assertTrue(missed.isEmpty(), "missed: $missed")
    }

    private suspend fun fill(server: TestServer, folder: java.nio.file.Path) = device(server, folder, "CB-151").use { client ->
        val visits = Files.createTempFile("visits", ".jsonl")
        visits.toFile().printWriter().use { out -> repeat(10_000) { out.println(visitLine(it)) } }
        check(client.importVisits(visits.toString()).saved == 10_000uL)
        Files.delete(visits)
    }

    private fun calls() {
        repeat(20_000) { checkText("", false) }
        val times = 100_000
        val all = measureTime { repeat(times) { checkText("", false) } }
        figure("a small call, its list and text included", all.toDouble(DurationUnit.MICROSECONDS) / times, "µs", 20.0)
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

    private suspend fun page(client: Client) {
        repeat(50) { client.visits(VisitQuery(), Paging()) }
        val times = (1..101).map { measureTime { check(client.visits(VisitQuery(), Paging()).items.size == 50) } }
        figure("a page of 50 of 10,000 visits, the middle of 101", middle(times), "ms", 5.0)
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
