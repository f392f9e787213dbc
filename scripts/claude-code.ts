/**
 * The long suite: the real Claude Code through a Signalbox process against simulated providers.
 *   npm run e2e -- [--only TEXT] [--list]
 * Prints a table; exit code 1 when a scenario failed.
 */
import { parseArgs } from 'node:util'
import { Cause, Effect, Exit } from 'effect'
import { badDays } from './claude-code/bad-days.ts'
import { goodDays } from './claude-code/good-days.ts'
import { CLIENT_VERSION, installClient } from './claude-code/run-client.ts'
import type { Scenario } from './claude-code/scenario.ts'

/** The client's own longest wait for retries is three minutes. */
const LIMIT_MS = 300_000

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, list: { type: 'boolean', default: false } },
})
const chosen = [...goodDays, ...badDays].filter(({ name }) => name.includes(values.only))

interface Row {
  readonly name: string
  readonly ok: boolean
  readonly seconds: number
  readonly note: string
}

const run = async ({ name, play }: Scenario): Promise<Row> => {
  const startedAt = performance.now()
  const limited = play.pipe(Effect.timeout(LIMIT_MS), Effect.scoped)
  const exit = await Effect.runPromiseExit(limited)
  const seconds = (performance.now() - startedAt) / 1000
  if (Exit.isSuccess(exit)) return { name, ok: true, seconds, note: exit.value }
  const error = Cause.squash(exit.cause)
  return { name, ok: false, seconds, note: error instanceof Error ? error.message : String(error) }
}

const print = ({ name, ok, seconds, note }: Row): void =>
  console.log(`${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(52)} ${seconds.toFixed(1).padStart(6)} s  ${note}`)

if (values.list) for (const { name } of chosen) console.log(name)
else {
  installClient()
  console.log(`Claude Code ${CLIENT_VERSION} through Signalbox, simulated providers\n`)
  const rows: Row[] = []
  for (const scenario of chosen) {
    const row = await run(scenario)
    print(row)
    rows.push(row)
  }
  const failed = rows.filter(({ ok }) => !ok).length
  console.log(`\n${rows.length - failed} of ${rows.length} scenarios passed.`)
  process.exit(failed === 0 && rows.length > 0 ? 0 : 1)
}
