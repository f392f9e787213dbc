/**
 * Three real instances on one PostgreSQL behind a balancer, under load, while what they stand on is broken:
 *   node scripts/instances.ts [--seed 1] [--away 60] [--calm 5]
 * Says each fault as it comes, a summary at the end. Exit code 0 every promise was kept, 1 one was broken.
 */
import { Effect } from 'effect'
import { drawnFaults, type Fault } from '../test/instances/faults.ts'
import { instancesRun } from '../test/instances/run.ts'
import { installClient } from './claude-code/run-client.ts'
import { claudeCodeTasks } from './instances/claude-code.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run instances -- [options]

  --seed N         the same providers and choices again (default: others each time)
  --instances N    how many (default 3)
  --away SECONDS   how long the database is stopped (default 60)
  --calm SECONDS   undisturbed time between the faults (default 5)
  --clients N      connections that ask one request after the other (default 12)
  --claude-code    the real Claude Code at work beside them
  --chaos N        in place of the usual faults, so many that the seed draws, of the network too`

const values = readOptions(HELP, {
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  instances: { type: 'string', default: '3' },
  away: { type: 'string', default: '60' },
  calm: { type: 'string', default: '5' },
  clients: { type: 'string', default: '12' },
  'claude-code': { type: 'boolean', default: false },
  chaos: { type: 'string', default: '0' },
})
const [seed, instances, away, calm, clients] = [
  values.seed,
  values.instances,
  values.away,
  values.calm,
  values.clients,
].map(Number)
if ([seed, instances, away, calm, clients].some((value) => !Number.isSafeInteger(value) || (value ?? 0) < 0)) {
  wrongUse('the values are whole numbers', HELP)
}

const usual: readonly Fault[] = [
  { _tag: 'BreakProvider', forMs: 5_000 },
  { _tag: 'KillInstance' },
  { _tag: 'LoseAnswers', forMs: 300 },
  { _tag: 'StopDatabase', forMs: (away ?? 60) * 1_000 },
  { _tag: 'DropListeners', forMs: 10_000 },
  { _tag: 'BreakProvider', forMs: 5_000 },
  { _tag: 'LoseAnswers', forMs: 1_500 },
  { _tag: 'KillDatabase' },
  { _tag: 'KillInstance' },
]

const drawn = Number(values.chaos)
if (!Number.isSafeInteger(drawn) || drawn < 0) wrongUse('--chaos is a whole number', HELP)

const startedAt = performance.now()
const clock = () => `${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s`
const note = (text: string): void => console.log(`${clock()}  ${text}`)
if (values['claude-code']) installClient()
const report = await Effect.runPromise(
  instancesRun({
    seed: seed ?? 1,
    instances: instances ?? 3,
    faults: drawn === 0 ? usual : drawnFaults(seed ?? 1, drawn),
    calmMs: (calm ?? 5) * 1_000,
    connections: clients ?? 12,
    pauseMs: 50,
    onNote: note,
    ...(values['claude-code'] ? { beside: claudeCodeTasks({ note }) } : {}),
  }),
)
for (const problem of report.problems.slice(0, 50)) console.error(`  ${problem}`)
console.log(
  `\n${clock()}, seed ${seed}: ${report.answers} answers, ${report.complete} complete, ${report.refused} refused, ${report.lost} cut; ${report.events} events.`,
)
console.log(
  `Breaker facts: ${report.spread.facts} hearings, after ${report.spread.medianMs} ms (median), ${report.spread.mostMs} ms at most.`,
)
console.log(
  report.problems.length === 0
    ? 'Every promise was kept: nothing lost, nothing twice, every decision follows.'
    : `${report.problems.length} problems, above.`,
)
process.exit(report.problems.length === 0 ? 0 : 1)
