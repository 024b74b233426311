"""The model-scoring process: one deployed model, served with MLflow's scoring protocol.

It stands alone. It imports nothing else of Insighter, knows neither Jupyter nor the database, and is spoken
to through two files, one signal and HTTP. Whoever starts it does this::

    run_dir.mkdir(mode=0o700)
    protocol.write_spec(run_dir, Spec(..., model_dir="/…/model", secret=secrets.token_urlsafe(32)))
    with open(run_dir / protocol.LOG_FILE, "ab") as log:
        Popen(protocol.command(run_dir), stdin=DEVNULL, stdout=log, stderr=log, start_new_session=True)

**Files in the run directory** (types in :mod:`insighter_ext.serving.protocol`)

``spec.json``  written before the start, read once: what to serve, where, and the secret that opens it.
``state.json`` written by the process only, replaced as a whole, so a reader never sees half of it:
               ``starting`` → ``loading`` → ``ready`` → ``stopped``, or ``failed`` at any point, with a
               reason for people.
``log.txt``    standard output and standard error. Tracebacks are here and nowhere else.

The process works with the run directory as its current directory, so what a library drops lands there.

**Order of the start**

1. Bind the socket, so the port is known and taken. It does not listen yet: until the model is loaded a
   connection is refused, and ``/ping`` can only ever answer 200.
2. Compare the model's ``requirements.txt`` and Python version with what is installed. A missing package ends
   the start; another version is a warning, in the log and in ``State.warnings``.
3. ``mlflow.pyfunc.load_model``.
4. Listen, and write ``ready``.

**Exit codes**: 0 stopped, 1 unexpected, 2 spec, 3 port, 4 requirements, 5 model. State ``failed`` with all
but 0.

**HTTP**. Every request carries ``Authorization: Bearer <secret>``, or is answered 401. ``POST /invocations``,
``GET /ping``, ``/health`` and ``/version`` behave as MLflow's, whose own functions do the parsing, the
predicting and the serialising; the differences are deliberate and few:

- an error never carries ``stack_trace``; where MLflow sends one, its last line is sent as ``cause`` and all
  of it is logged;
- a body over 64 MiB is answered 413 (``protocol.MAX_BODY_BYTES``);
- what makes MLflow answer a bare 500 is answered 500 with ``{"error_code": "INTERNAL_ERROR", "message"}``,
  and a missing content type is answered 415 like any other that is not supported.

Predictions run in threads, so ``/ping`` answers while one runs; MLflow's
``MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT`` (60 s) applies and is answered 504.

**End**. SIGTERM: no new connections, running requests get 10 s and are then answered 503, state ``stopped``,
exit code 0. SIGHUP and SIGINT are ignored, for the process outlives the terminal and the server that started
it. A process that was killed leaves its last state behind; ``protocol.is_alive`` tells whether that state
still has a process.
"""
