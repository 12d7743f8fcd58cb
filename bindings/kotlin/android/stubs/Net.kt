@file:Suppress("unused", "UNUSED_PARAMETER")

package android.net

class Network

class NetworkCapabilities {
    fun hasCapability(capability: Int): Boolean = throw NotImplementedError("not Android")

    companion object {
        const val NET_CAPABILITY_NOT_METERED: Int = 11
        const val NET_CAPABILITY_VALIDATED: Int = 16
    }
}

class ConnectivityManager {
    val activeNetwork: Network? get() = throw NotImplementedError("not Android")
    val isActiveNetworkMetered: Boolean get() = throw NotImplementedError("not Android")

    fun registerDefaultNetworkCallback(callback: NetworkCallback): Unit = throw NotImplementedError("not Android")
    fun unregisterNetworkCallback(callback: NetworkCallback): Unit = throw NotImplementedError("not Android")

    open class NetworkCallback {
        open fun onCapabilitiesChanged(network: Network, networkCapabilities: NetworkCapabilities) {}
        open fun onLost(network: Network) {}
    }
}
