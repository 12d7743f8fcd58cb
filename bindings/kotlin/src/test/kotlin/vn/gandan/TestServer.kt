package vn.gandan

import java.io.File
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit

/** A real `gandan-server` with a data folder of its own. */
class TestServer : AutoCloseable {
    private val data: Path = Files.createTempDirectory("gandan-server")
    private var process: Process? = null
    var address: String = ""
        private set

    init {
        run("init", "--units", "$ROOT/crates/model/data/lam-dong-units.csv")
        start("127.0.0.1:0")
    }

    private fun start(listen: String) {
        val started = ProcessBuilder(SERVER, "serve", "--json", "--data", "$data", "--listen", listen)
            .redirectError(data.resolve("log").toFile()).start()
        process = started
        val line = started.inputReader().readLine() ?: error("the server did not start: ${data.resolve("log").toFile().readText()}")
        address = Regex("\"listening\":\\s*\"([^\"]+)\"").find(line)!!.groupValues[1]
    }

    /** A link for a new device of this official. */
    fun link(name: String, unit: String = UNIT): String {
        val said = run("enrol", "--name", name, "--role", "field_official", "--unit", unit, "--base-url", "http://$address")
        return Regex("\"link\":\\s*\"([^\"]+)\"").find(said)!!.groupValues[1]
    }

    fun stop() {
        process?.destroy()
        check(process?.waitFor(30, TimeUnit.SECONDS) != false) { "the server did not stop" }
        process = null
    }

    /** Starts again on the same address. */
    fun restart() = start(address)

    private fun run(command: String, vararg args: String): String {
        val process = ProcessBuilder(listOf(SERVER, command, "--data", "$data") + args + "--json")
            .redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val said = process.inputReader().readText()
        check(process.waitFor() == 0) { "$command: $said" }
        return said
    }

    override fun close() {
        process?.destroyForcibly()?.waitFor()
        data.toFile().deleteRecursively()
    }

    companion object {
        const val UNIT = "24781"
        val ROOT: String = File(System.getProperty("gandan.root")).canonicalPath
        val SERVER: String = System.getProperty("gandan.server")
    }
}

/** A folder that goes when the test is over. */
inline fun <R> inFolder(block: (Path) -> R): R {
    val folder = Files.createTempDirectory("gandan-device")
    return try {
        block(folder)
    } finally {
        folder.toFile().deleteRecursively()
    }
}

val KEY = ByteArray(32) { 7 }

suspend fun device(server: TestServer, folder: Path, name: String): Client {
    val client = GanDan.open(folder, { KEY })
    client.enrol(server.link(name), false)
    return client
}
