package vn.gandan

import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** Objects and buffers that cross the border come back. `cargo xtask bench bindings` does it a hundred thousand times. */
class LeakTest {
    @Test
    fun `twenty thousand calls leave nothing behind`(): Unit = runBlocking {
        inFolder { folder ->
            GanDan.open(folder, { KEY }).use { client ->
                suspend fun round(times: Int) = repeat(times) {
                    checkText("Bà con nêu hai việc.", false)
                    client.standing()
                    client.liveVisits(VisitQuery(), Paging()).use { it.next() }
                    assertFails { client.record("x", 1u) }
                }
                round(1_000)
                System.gc()
                val before = nativeKilobytes()
                round(4_000)
                System.gc()
                val grown = nativeKilobytes() - before
                // A leak of one small buffer a call would be far more: 16,000 calls × 4 KB.
                assertTrue(grown < 40_000, "the process grew by $grown KB")
            }
        }
    }
}

/** Resident memory of this process without the heap of the JVM, in kilobytes. */
fun nativeKilobytes(): Long {
    val status = File("/proc/self/status").readLines()
    val resident = status.first { it.startsWith("VmRSS:") }.filter(Char::isDigit).toLong()
    return resident - Runtime.getRuntime().totalMemory() / 1024
}
