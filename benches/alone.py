"""What the measured commands are given, and nothing of whoever runs the bench."""

import os


def environment(scratch):
    """A home, a store, a session and names of their own, all below a folder."""
    return {
        "PATH": os.environ["PATH"], "HOME": str(scratch), "XDG_STATE_HOME": str(scratch / "state"),
        "EXP_STORE": str(scratch / "store"), "EXP_SESSION": "bench", "USER": "bench",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": str(scratch / "git"), "GIT_WORK_TREE": str(scratch / "work"),
        "GIT_AUTHOR_NAME": "bench", "GIT_AUTHOR_EMAIL": "bench@localhost",
        "GIT_COMMITTER_NAME": "bench", "GIT_COMMITTER_EMAIL": "bench@localhost",
    }
