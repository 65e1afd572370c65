"""Running an evaluation: ask the held-out questions, score the answers, hold the gates."""

from jobs import revision
from jobs.errors import QualityError
from jobs.files import read_unchanged
from jobs.foundry import endpoints
from jobs.foundry.endpoints import Endpoint
from jobs.foundry.inference import Answer, open_chat
from jobs.foundry.session import Session
from jobs.plan.desired import Measuring
from jobs.proof import metrics
from jobs.side_by_side import Pool
from jobs.spec.gates import read_gates
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
    answers = _ask_all(session, endpoint, measuring, questions, report)
    scores = metrics.score(answers, [q.expected for q in questions], spec.metrics)
    words = ", ".join(f"{name} {value:.2f}" for name, value in scores.items())
    report.result("evaluation", measuring.name, f"{len(questions)} questions: {words}")
    missed = [gate for gate in gates if not gate.holds(scores.get(gate.metric, 0.0))]
    if missed:
        raise QualityError(
            f"Evaluation '{measuring.name}' misses "
            + "; ".join(f"{gate} (it is {scores[gate.metric]:.3f})" for gate in missed)
            + ".",
            next_step=f"The endpoint is up and filtered. Train longer or on more data, change the "
            f"gate, or take it down: foundry-tune down {endpoint.name}",
        )
    mark = measuring.mark(endpoints.serves(endpoint))
    endpoints.tag(session, endpoint, {f"{revision.TAG_EVALUATION}.{measuring.name}": mark})
    return scores


def _ask_all(
    session: Session,
    endpoint: Endpoint,
    measuring: Measuring,
    questions: list[metrics.Question],
    report: Reporter,
) -> list[str]:
    chat = open_chat(session, endpoint)
    done = 0

    def ask(question: metrics.Question) -> str:
        nonlocal done
        said = chat.ask(
            question.messages,
            max_tokens=measuring.spec.max_tokens,
            temperature=measuring.spec.temperature,
        )
        done += 1
        report.step(
            "evaluation", measuring.name, f"{done} of {len(questions)} asked", done, len(questions)
        )
        # A refused question got no answer: it scores nothing, and isn't left out.
        return said.text if isinstance(said, Answer) else ""

    try:
        with Pool(_AT_ONCE) as pool:
            return pool.map(ask, questions)
    finally:
        chat.close()
