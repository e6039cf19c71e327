"""The MDK as coroutines on the caller's loop, without a thread."""
