package vn.gandan

/** What came of a call, for `when`: done, or failed in one of the ways that the app can do something about. */
public sealed interface Outcome<out T> {
    /** It was done. */
    public data class Done<T>(public val value: T) : Outcome<T>

    /** It was not; nothing was half-done. [error] says what can be done. */
    public data class Failed(public val error: GandanException) : Outcome<Nothing>
}

/** Runs [block] and turns a [GandanException] into a value. Everything else, cancellation included, is thrown on. */
public suspend inline fun <T> outcome(block: () -> T): Outcome<T> = try {
    Outcome.Done(block())
} catch (error: GandanException) {
    Outcome.Failed(error)
}

/** The stable code of an error, for logs and programs. */
public val GandanException.code: String
    get() = when (this) {
        is GandanException.RetryLater -> code
        is GandanException.EnrolAgain -> code
        is GandanException.UpdateApp -> code
        is GandanException.FixInput -> code
        is GandanException.FreeSpace -> code
        is GandanException.Bug -> code
    }
