"""Random flows: any that can be built, and those made fit to run."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from uuid import UUID

from ringfence.domains.flows import graph as g
from ringfence.domains.flows.rules.check import check_flows, check_graph
from ringfence.domains.flows.rules.forms import outcomes, target_of

FLOWS = tuple(UUID(int=number) for number in range(1, 6))
Flows = dict[UUID, g.Graph]


def any_flows(random: Random, waiting: float = 0.5, nodes: int = 8) -> Flows:
    """Up to five flows with random steps, links, sub-flows and jumps; sound or not."""
    flows = FLOWS[: random.randint(1, len(FLOWS))]
    return {flow: _graph(random, flow, flows, waiting, nodes) for flow in flows}


def sound_flows(random: Random, waiting: float = 0.5, nodes: int = 8) -> Flows:
    """The same with what is wrong cut out or made to wait, until no check finds anything."""
    flows = {flow: _reached(graph) for flow, graph in any_flows(random, waiting, nodes).items()}
    while True:
        problems = {flow: check_graph(graph) for flow, graph in flows.items()}
        found = problems if any(problems.values()) else check_flows(flows)
        if not found:
            return flows
        flow = next(flow for flow, there in found.items() if there)
        flows[flow] = _mended(flows[flow], found[flow][0])


def _mended(graph: g.Graph, problem: g.Problem) -> g.Graph:
    assert problem.node is not None, problem
    old = graph.nodes[problem.node]
    following = next(iter(old.next.values()), None)
    new = g.Node(g.Pause(), {} if following is None else {"": following})
    return _reached(replace(graph, nodes={**graph.nodes, problem.node: new}))


def _reached(graph: g.Graph) -> g.Graph:
    reached, waiting = {graph.start}, [graph.start]
    while waiting:
        node = graph.nodes[waiting.pop()]
        new = {target_of(node, outcome) for outcome in outcomes(node.step)} - reached - {None}
        reached |= new
        waiting += new
    return replace(graph, nodes={n: node for n, node in graph.nodes.items() if n in reached})


def _graph(
    random: Random, flow: UUID, flows: tuple[UUID, ...], waiting: float, nodes: int
) -> g.Graph:
    names = [f"n{number}" for number in range(random.randint(1, nodes))]
    made = {}
    for name in names:
        step = _waiting(random) if random.random() < waiting else _idle(random, flow, flows)
        possible = [*outcomes(step), ""] if outcomes(step) else []
        chosen = [outcome for outcome in possible if random.random() < 0.6]
        made[name] = g.Node(step, {outcome: random.choice(names) for outcome in chosen})
    return g.Graph("n0", made)


def _waiting(random: Random) -> g.Step:
    dial = g.Dial((g.SipTarget("sip:a@example.com"),))
    return random.choice(
        [
            g.Say("hello {digits}"),
            g.Play(UUID(int=7)),
            g.Pause(),
            g.Gather(choices=("1", "2")),
            g.Gather(max_digits=5, save_as="zip"),
            dial,
            g.Record(),
            g.Hold(UUID(int=7), 60),
            g.Hangup(),
            g.Reject(486),
        ]
    )


def _idle(random: Random, flow: UUID, flows: tuple[UUID, ...]) -> g.Step:
    again = g.Case("again", (g.RepeatCaller(30),))
    zipped = g.Case("zip", (g.ZipIs(prefixes=("9",)),))
    return random.choice(
        [
            g.Tag("a", "b"),
            g.Branch((again,)),
            g.Branch((zipped, again)),
            g.Split({"x": 1, "y": 2}),
            g.SubFlow(random.choice(flows)),
            g.SubFlow(flows[-1]),
            g.Redirect(flow=random.choice(flows)),
            g.Redirect(url="https://example.com/"),
        ]
    )
