@file:Suppress("unused", "UNUSED_PARAMETER")

package androidx.work

import android.content.Context
import java.time.Duration

class WorkerParameters

abstract class ListenableWorker(val applicationContext: Context) {
    class Result private constructor() {
        companion object {
            fun success(): Result = Result()
            fun retry(): Result = Result()
            fun failure(): Result = Result()
        }
    }
}

abstract class CoroutineWorker(context: Context, parameters: WorkerParameters) : ListenableWorker(context) {
    abstract suspend fun doWork(): Result
}

enum class NetworkType { CONNECTED }

enum class BackoffPolicy { EXPONENTIAL }

enum class ExistingPeriodicWorkPolicy { KEEP }

class Constraints {
    class Builder {
        fun setRequiredNetworkType(type: NetworkType): Builder = this
        fun setRequiresBatteryNotLow(low: Boolean): Builder = this
        fun build(): Constraints = Constraints()
    }
}

class PeriodicWorkRequest {
    class Builder(worker: Class<out ListenableWorker>, every: Duration) {
        fun setConstraints(constraints: Constraints): Builder = this
        fun setBackoffCriteria(policy: BackoffPolicy, delay: Duration): Builder = this
        fun build(): PeriodicWorkRequest = PeriodicWorkRequest()
    }
}

abstract class WorkManager {
    abstract fun enqueueUniquePeriodicWork(name: String, policy: ExistingPeriodicWorkPolicy, request: PeriodicWorkRequest)

    companion object {
        fun getInstance(context: Context): WorkManager = throw NotImplementedError("not Android")
    }
}
