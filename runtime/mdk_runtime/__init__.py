"""The behaviour of MDK: client, server, integrations. Applications import `mdk`, which shows what is public."""
