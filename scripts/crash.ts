/**
 * Kills a real server under load, again and again, and checks after each kill that every promise was kept:
 *   node scripts/crash.ts --rounds 50 [--seed 1] [--plain]
 * One line a round, a summary at the end. Exit code 0 all kept, 1 one was broken.
 */
import { Effect } from 'effect'
import { crashRounds } from '../test/crash/rounds.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run crash -- [options]

  --rounds N  kills (default 50)
  --seed N    the same run again (default: another one each time)
  --plain     without captures, budgets, keys, alerts, traces, a log file and health checks`

const values = readOptions(HELP, {
  rounds: { type: 'string', default: '50' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  plain: { type: 'boolean', default: false },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (!Number.isSafeInteger(rounds) || !Number.isSafeInteger(seed))
  wrongUse('--rounds and --seed are whole numbers', HELP)

const startedAt = performance.now()
const report = await Effect.runPromise(
  crashRounds({
    rounds,
    seed,
    full: !values.plain,
    onRound: ({ round, moment, complete, cut, events, abandonedBefore, problems }) => {
      console.log(
        `${round}/${rounds} killed while ${moment}: ${complete} answers complete, ${cut} cut, ${abandonedBefore} of before closed as abandoned, ${events} events${problems.length === 0 ? '' : `, ${problems.length} PROBLEMS`}`,
      )
    },
  }),
)
for (const problem of report.problems) console.error(`  ${problem}`)
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1)
console.log(
  `\n${rounds} kills in ${minutes} min, seed ${seed}: ${report.requests} requests, ${report.complete} answers seen complete, ${report.succeeded} successes, ${report.abandoned} closed as abandoned.`,
)
console.log(
  report.problems.length === 0
    ? 'Every promise was kept: what a client saw complete is in the log exactly once.'
    : `${report.problems.length} problems, above.`,
)
process.exit(report.problems.length === 0 ? 0 : 1)
