"""What systems in torch share; imported only where torch is."""
