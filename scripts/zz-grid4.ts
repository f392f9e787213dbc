import { writeFileSync } from 'node:fs'
import { withWeights } from '#cli/tune/search.ts'
import { loggedOf } from '#cli/what-if/estimate.ts'
import { playLog } from '#cli/what-if/play-log.ts'
import { measureOf } from '#domain/what-if/objective.ts'
import { figuresOf, observedOutcomes } from '#domain/what-if/outcome.ts'
import { gridOf, nameOfWeights } from '#domain/what-if/simplex.ts'
import { trafficOf } from '#domain/what-if/traffic.ts'
import { policyFor } from '#infra/simulator/virtual/operator.ts'
import { makeWorld } from '#infra/simulator/virtual/world.ts'
import { logOfWorld } from '#test/what-if-worlds/log-of-world.ts'

const BAD = { headroom: 0, performance: 1, cost: 0, reliability: 0 }
const E = 0.05
const [from, n, hours, lucks] = process.argv.slice(2).map(Number)
for (let seed = from!; seed < from! + n!; seed++) {
  const world = makeWorld(seed, { hours: hours! })
  const logged = loggedOf(logOfWorld(world, 'intelligent', { weights: BAD, explorationShare: E }))
  const policy = policyFor(world, 'intelligent', { weights: BAD, explorationShare: E })
  const grid = gridOf(4)
  const t0 = performance.now()
  const truth = [0, 1, 2].map((luck) =>
    grid.map((weights) =>
      measureOf(
        figuresOf(
          observedOutcomes(
            trafficOf(
              logOfWorld({ ...world, seed: seed + luck * 100_000 }, 'intelligent', { weights, explorationShare: E }),
            ),
          ),
        ),
        'cost',
      ),
    ),
  )
  const t1 = performance.now()
  const est = (withErrors: boolean, usesObserved: boolean, count: number) =>
    Array.from({ length: count }, (_, luck) =>
      grid.map((weights) =>
        measureOf(
          figuresOf(
            playLog(logged, withWeights(policy, weights, 0.8), { seed: seed + luck, withErrors, usesObserved }),
          ),
          'cost',
        ),
      ),
    )
  const out = {
    seed,
    calls: logged.calls.length,
    names: grid.map(nameOfWeights),
    truth,
    plain: est(false, false, lucks!),
    errors: est(true, false, lucks!),
    observed: est(true, true, 1),
  }
  const t2 = performance.now()
  writeFileSync(`/tmp/h4/grid-${hours}-${seed}.json`, JSON.stringify(out))
  console.log(seed, out.calls, 'truth', t1 - t0, 'est', t2 - t1)
}
