mdk.setDefaultDeadline(10.0)
