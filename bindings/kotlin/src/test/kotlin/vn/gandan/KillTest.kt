package vn.gandan

import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.nio.file.Path
import kotlin.random.Random

/** A process that is killed in the middle of something loses nothing that it was told is done. */
class KillTest {
    @Test
    fun `killed in the middle of saves`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                device(server, folder, "CB-301").use {}
                val random = seeded()
                val saved = mutableListOf<String>()
                repeat(4) { saved += Worker(folder, "save").use { it.linesThenKill(random.nextInt(1, 12)) } }
                GanDan.open(folder, { KEY }).use { client ->
                    val here = client.allVisits().toList().map { it.id }.toSet()
                    assertEquals(emptySet<String>(), saved.toSet() - here, "acknowledged and lost")
                    client.sync()
                    assertEquals(0uL, client.standing().unsentChanges)
                }
            }
        }
    }

    @Test
    fun `killed in the middle of an exchange`(): Unit = runBlocking {
        TestServer().use { server ->
            inFolder { folder ->
                val random = seeded()
                val saved = mutableListOf<String>()
                device(server, folder.resolve("a"), "CB-311").use { a ->
                    repeat(300) { saved += a.createVisit { note = "Chuyến thứ $it. " + "Bà con nói. ".repeat(40) }.id }
                }
                // Says a line after each step of the exchange; killed after some of them.
                repeat(4) { Worker(folder.resolve("a"), "sync").use { it.linesThenKill(random.nextInt(1, 4)) } }
                GanDan.open(folder.resolve("a"), { KEY }).use { a ->
                    a.sync()
                    assertEquals(0uL, a.standing().unsentChanges)
                    assertEquals(300uL, a.standing().visits)
                }
                device(server, folder.resolve("b"), "CB-312").use { b ->
                    b.sync()
                    assertEquals(saved.sorted(), b.allVisits().toList().map { it.id }.sorted(), "each once, none lost")
                }
            }
        }
    }

    private fun seeded(): Random {
        val seed = System.nanoTime()
        println("seed $seed")
        return Random(seed)
    }
}

/** Another process on a device's folder. */
internal class Worker(folder: Path, vararg task: String) : AutoCloseable {
    private val process: Process = ProcessBuilder(
        ProcessHandle.current().info().command().get(),
        "-Djna.library.path=" + System.getProperty("jna.library.path"),
        "-cp",
        System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path"),
        "vn.gandan.KillTestKt",
        folder.toString(),
        *task,
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    /** Reads so many lines, or all if there are fewer, kills the process, and reads what it still said. */
    fun linesThenKill(count: Int): List<String> {
        val reader = process.inputReader()
        val lines = generateSequence { reader.readLine() }.take(count).toMutableList()
        // By its handle: the process's own method would close what is still to be read.
        process.toHandle().destroyForcibly()
        lines += reader.readLines()
        process.waitFor()
        assertTrue(lines.isNotEmpty(), "it did nothing")
        return lines.filter { it.endsWith(".") }.map { it.dropLast(1) }
    }

    /** Waits until it has done its work. */
    fun join() {
        val said = process.inputReader().readText()
        check(process.waitFor() == 0) { said }
    }

    override fun close() {
        process.destroyForcibly().waitFor()
    }
}

/** What the other process does: a line for every visit that is saved, or for every step of an exchange; or an import. */
fun main(args: Array<String>): Unit = runBlocking {
    val (folder, task) = args
    if (task == "import") return@runBlocking GanDan.open(Path.of(folder), { KEY }).use { check(it.importVisits(args[2]).bad.isEmpty()) }
    val client = GanDan.open(Path.of(folder), { KEY })
    // The full stop tells a whole line from one that the kill cut.
    val say = { line: String -> print("$line.\n"); System.out.flush() }
    if (task == "save") {
        while (true) say(client.createVisit { note = "Giữa chừng" }.id)
    } else {
        client.sync { say("${it.roundTrips}") }
    }
}
