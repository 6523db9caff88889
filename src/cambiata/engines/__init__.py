"""Many tasks at once: on this machine's cores, or on a cluster, behind one interface."""
