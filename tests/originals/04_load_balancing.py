import mdk
m = mdk.start()
print(m.session().resolve("hello", "1.0").address)
print(m.session().resolve("hello", "1.0").address)
print(m.session().resolve("hello", "1.0").address)
m.stop()
