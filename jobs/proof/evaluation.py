"""Running an evaluation: ask the held-out questions, score the answers, hold the gates."""

from collections.abc import Sequence
from time import monotonic

from jobs import revision
from jobs.errors import QualityError
from jobs.files import read_unchanged
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.inference import Answer, open_chat
from jobs.foundry.session import Session
from jobs.plan.desired import Measuring
from jobs.proof import metrics
from jobs.proof.scoring import Reply, per_question, score
from jobs.side_by_side import Pool
from jobs.spec.gates import Gate, read_gates
from jobs.terminal.progress import Reporter

_AT_ONCE = 4
"""Questions under way together: a deployment allows 1,000 a minute, so this stays far below."""


def measure(
    session: Session, endpoint: Endpoint, measuring: Measuring, report: Reporter
) -> dict[str, float]:
    """Ask, score, report; mark the endpoint where every gate holds.

    Raises:
        QualityError: A gate doesn't hold.
    """
    spec = measuring.spec
    gates = read_gates(spec.gates)
    questions = metrics.questions(read_unchanged(measuring.path, measuring.sha256))
    replies = _ask_all(session, endpoint, measuring, questions, report)
    expected = [question.expected for question in questions]
    scores = score(spec, replies, expected)
    words = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
    report.result("evaluation", measuring.name, f"{len(questions)} questions: {words}")
    held = {
        gate.metric: _surely(gate, per_question(spec, gate.metric, replies, expected), spec.alpha)
        if spec.confident
        else scores[gate.metric]
        for gate in gates
    }
    missed = [gate for gate in gates if not gate.holds(held[gate.metric])]
    if missed:
        raise QualityError(
            f"Evaluation '{measuring.name}' misses "
            + "; ".join(_told(gate, scores[gate.metric], held[gate.metric]) for gate in missed)
            + ".",
            next_step=f"The endpoint is up and filtered. Train longer or on more data, change the "
            f"gate, or take it down: foundry-tune down {endpoint.name}",
        )
    mark = measuring.mark(endpoints.serves(endpoint))
    endpoints.tag(session, endpoint, {f"{revision.TAG_EVALUATION}.{measuring.name}": mark})
    return scores


def _surely(gate: Gate, values: Sequence[float], alpha: float) -> float:
    """The end of the mean's interval that a gate must be held by: it is wrong `alpha` at most."""
    from jobs.proof.evidence import lower_bound

    if gate.comparison in ("<", "<="):
        return 1 - lower_bound([1 - value for value in values], alpha, floor=0)
    return lower_bound(values, alpha, floor=0)


def _told(gate: Gate, score: float, held: float) -> str:
    end = f", its interval ends at {held:.3f}" if held != score else ""
    return f"{gate} (it is {score:.3f}{end})"


def _ask_all(
    session: Session,
    endpoint: Endpoint,
    measuring: Measuring,
    questions: list[metrics.Question],
    report: Reporter,
) -> list[Reply]:
    chat = open_chat(session, endpoint)
    done = 0

    def ask(question: metrics.Question) -> Reply:
        nonlocal done
        began = monotonic()
        said = chat.ask(
            question.messages,
            max_tokens=measuring.spec.max_tokens,
            temperature=measuring.spec.temperature,
        )
        seconds = monotonic() - began
        done += 1
        report.step(
            "evaluation", measuring.name, f"{done} of {len(questions)} asked", done, len(questions)
        )
        if isinstance(said, Answer):
            return Reply(text=said.text, seconds=seconds, tokens=said.tokens)
        return Reply(text="", refused=True, seconds=seconds)

    try:
        with Pool(_AT_ONCE) as pool:
            return pool.map(ask, questions)
    finally:
        chat.close()
