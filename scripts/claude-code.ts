/**
 * The long suite: the real Claude Code through a Signalbox process against simulated providers.
 *   npm run e2e -- [--only TEXT] [--list]
 *   npm run e2e -- --chaos 20 [--seed 1]
 * Prints a table, or each fault and each task as it comes; exit code 1 when something failed.
 */
import { Cause, Effect, Exit } from 'effect'
import { badDays } from './claude-code/bad-days.ts'
import { chaosRun } from './claude-code/chaos.ts'
import { clientKeys } from './claude-code/client-keys.ts'
import { eachKind, switches } from './claude-code/each-kind.ts'
import { goodDays } from './claude-code/good-days.ts'
import { ownFigures } from './claude-code/own-figures.ts'
import { CLIENT_VERSION, installClient } from './claude-code/run-client.ts'
import type { Scenario } from './claude-code/scenario.ts'
import { spentDays } from './claude-code/spent-days.ts'
import { readOptions, wrongUse } from './options.ts'

/** The client's own longest wait for retries is three minutes. */
const LIMIT_MS = 300_000

const HELP = `Usage: npm run e2e -- [options]

  --only TEXT  only the scenarios whose names hold this text
  --list       print the names of the scenarios
  --chaos N    in place of the scenarios: tasks on one box, while so many faults break it, its disk, providers and network
  --seed N     of the faults (default: others each time)`

const values = readOptions(HELP, {
  only: { type: 'string', default: '' },
  list: { type: 'boolean', default: false },
  chaos: { type: 'string', default: '0' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
})
const [faults, seed] = [Number(values.chaos), Number(values.seed)]
if (![faults, seed].every((value) => Number.isSafeInteger(value) && value >= 0))
  wrongUse('--chaos and --seed are whole numbers', HELP)
/** What measures time runs alone; of the others two at a time, for the client starts slowly. */
const groups = [
  { scenarios: [...goodDays, ...badDays, ...spentDays, ...ownFigures, ...clientKeys], atOnce: 1 },
  { scenarios: [...eachKind, ...switches], atOnce: 2 },
].map(({ scenarios, atOnce }) => ({ scenarios: scenarios.filter(({ name }) => name.includes(values.only)), atOnce }))

if (groups.every(({ scenarios }) => scenarios.length === 0))
  wrongUse(`no scenario has ${values.only} in its name`, HELP)

interface Row {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly note: string
}

const run = ({ name, play }: Scenario): Effect.Effect<Row> =>
  Effect.gen(function* () {
    const startedAt = performance.now()
    const exit = yield* Effect.exit(play.pipe(Effect.timeout(LIMIT_MS), Effect.scoped))
    const seconds = (performance.now() - startedAt) / 1000
    if (Exit.isSuccess(exit)) return { name, ok: true, seconds, note: exit.value }
    const error = Cause.squash(exit.cause)
    return { name, ok: false, seconds, note: error instanceof Error ? error.message : String(error) }
  })

const print = ({ name, ok, seconds, note }: Row): void =>
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(52)} ${seconds.toFixed(1).padStart(6)} s  ${note}`)

const playAll: Effect.Effect<readonly Row[]> = Effect.forEach(groups, ({ scenarios, atOnce }) =>
  Effect.forEach(scenarios, (one) => Effect.tap(run(one), (row) => Effect.sync(() => print(row))), {
    concurrency: atOnce,
  }),
).pipe(Effect.map((rows) => rows.flat()))

const clock = (from: number): string => `${((performance.now() - from) / 1_000).toFixed(0).padStart(4)} s`

const sufferChaos = async (): Promise<number> => {
  const startedAt = performance.now()
  const report = await Effect.runPromise(
    chaosRun({ seed, faults, note: (text) => console.log(`${clock(startedAt)}  ${text}`) }),
  )
  for (const problem of report.problems.slice(0, 50)) console.error(`  ${problem}`)
  console.log(
    `\n${clock(startedAt)}, seed ${seed}: ${report.answers} answers beside, ${report.complete} complete; ${report.events} events, ${report.abandoned} requests abandoned.`,
  )
  console.log(
    report.problems.length === 0
      ? 'Every task was right or said why not; nothing that was seen complete is lost; the log is sound.'
      : `${report.problems.length} problems, above.`,
  )
  return report.problems.length === 0 ? 0 : 1
}

if (values.list) for (const { name } of groups.flatMap(({ scenarios }) => scenarios)) console.log(name)
else if (faults > 0) {
  installClient()
  process.exit(await sufferChaos())
} else {
  installClient()
  console.log(`Claude Code ${CLIENT_VERSION} through Signalbox, simulated providers\n`)
  const startedAt = performance.now()
  const rows = await Effect.runPromise(playAll)
  const failed = rows.filter(({ ok }) => !ok).length
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`\n${rows.length - failed} of ${rows.length} scenarios passed in ${seconds} s.`)
  process.exit(failed === 0 && rows.length > 0 ? 0 : 1)
}
