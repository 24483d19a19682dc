"""The documents that cross a process, a module each. No other code says what stands in one.

| document | written by | read by |
|---|---|---|
| Stage A input (`stage_a`) | routing | the state machine, and the functions of Stage A that it calls |
| staged message (`staged_message`) | the completion of a Stage A group | the poller |
| manifest (`manifest`) | the poller | the jobs of Stage B |
| Stage B input (`stage_b`) | the poller | the state machine, and the functions of Stage B that it calls |
| poll order (`poll_order`) | a dataset's schedule | the poller |

`to_json` gives a JSON object as `json.loads` does, and `from_json` is its inverse. While a release is rolled out, what
the one before wrote is still read: `from_json` passes over fields that it does not know, and does without those that
earlier releases did not write. Both raise KeyError, TypeError or ValueError for what is no such document.

A module here imports no more than its document needs: `manifest` is read in Glue jobs, which have no pydantic.
"""
