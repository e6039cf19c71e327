mdk.setDeadline(5.0)
