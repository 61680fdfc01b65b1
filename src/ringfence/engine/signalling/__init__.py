"""SIP over sockets: transports, transactions driven by timers, who may call, how causes map."""
