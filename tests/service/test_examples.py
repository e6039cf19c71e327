"""The example protocols, each with its real programs over real WebSockets."""

from __future__ import annotations

import socket

from service.programs import running

CHAT = ("examples/chat/room.py", "examples/chat/member.py")
JOBS = ("examples/jobs/queue_server.py", "examples/jobs/client.py")


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_everybody_in_the_room_hears_everybody() -> None:
    """Two members hear each other's posts once, in order; a taken name is refused with its reason."""
    with running(CHAT[0], "0") as room:
        url = room.wait_for("ws://")
        with running(CHAT[1], url, "ann") as ann, running(CHAT[1], url, "bob") as bob:
            ann.wait_for("* here: ")
            bob.wait_for("* here: ")
            with running(CHAT[1], url, "ann") as other:
                other.say("hello?")
                other.wait_for("the room hangs up: name_taken")
                assert other.finish() == 1
            for text in ("one", "two", "three"):
                ann.say(text)
            bob.wait_for("ann: three")
            bob.say("four")
            ann.wait_for("bob: four")
            assert ann.finish() == 0
            said = [line for line in bob.lines if line.startswith("ann: ")]
            assert said == ["ann: one", "ann: two", "ann: three"]


def test_posts_said_without_a_room_arrive_when_it_is_back() -> None:
    """The room is killed; what is said meanwhile is kept, and said once when a room is there again."""
    port = _free_port()
    with running(CHAT[0], port) as room:
        url = room.wait_for("ws://")
        with running(CHAT[1], url, "ann") as ann:
            ann.wait_for("* here: ann")
            room.process.kill()
            room.process.wait()
            ann.say("into the void")
            with running(CHAT[0], port) as again:
                again.wait_for("ws://")
                ann.wait_for("ann: into the void")
                assert ann.finish() == 0
                assert len([line for line in ann.lines if "void" in line]) == 1


def test_jobs_are_done_and_answered() -> None:
    """Submitted jobs get ids by request and reply; a worker takes them; results arrive by delivery."""
    with running(JOBS[0], "0") as queue:
        url = queue.wait_for("ws://")
        for number, (task, text) in enumerate((("upper", "abc"), ("reverse", "abc"), ("dance", "abc")), start=1):
            with running(JOBS[1], url, "submit", task, text) as submitter:
                submitter.wait_for(f"job-{number}")
                assert submitter.finish() == 0
        with running(JOBS[1], url, "work", "3") as worker:
            worker.wait_for("did job-3")
            assert worker.finish() == 0
        queue.wait_for("job-1 DONE ABC")
        queue.wait_for("job-2 DONE cba")
        queue.wait_for("job-3 FAILED no such task: dance")


def test_a_job_whose_worker_died_goes_to_another() -> None:
    """A worker takes a job and is killed; its lease lapses, and the next worker gets the job."""
    with running(JOBS[0], "0", "0.5") as queue:
        url = queue.wait_for("ws://")
        program = (
            "import asyncio, sys; sys.path.insert(0, 'examples/jobs'); import client\n"
            "async def main():\n"
            f"    print(await client.Client({url!r}).take())\n"
            "    await asyncio.Event().wait()\n"
            "asyncio.run(main())"
        )
        with running(JOBS[1], url, "submit", "upper", "xyz") as submitter:
            submitter.wait_for("job-1")
        with running("-c", program) as doomed:
            doomed.wait_for("Job(id='job-1'")
        queue.wait_for("job-1 is overdue")
        with running(JOBS[1], url, "work", "1") as worker:
            worker.wait_for("did job-1")
            assert worker.finish() == 0
        queue.wait_for("job-1 DONE XYZ")
