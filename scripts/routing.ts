/**
 * The routing benchmark: seeded worlds in virtual time, the same for every policy.
 *   npm run routing                              # 30 worlds of six hours, every policy, as a table
 *   npm run routing -- --seeds 5 --from 7 --hours 2 --only intelligent --only cost
 *   npm run routing -- --check                   # exit code 1 if a goal is missed
 *   npm run routing -- --json > figures.json
 *   npm run routing -- --invariants --seeds 200  # the routing invariants in as many worlds
 * Progress goes to standard error, the table or the JSON to standard output.
 */
import { nameOf } from '#infra/simulator/virtual/play.ts'
import { replayCommand } from '#test/routing-worlds/check-world.ts'
import { readOptions, wrongUse } from './options.ts'
import type { CheckDone, CheckJob } from './routing/check-worker.ts'
import { CONTENDERS, ORACLE } from './routing/contenders.ts'
import { playAll } from './routing/play-all.ts'
import type { PlayDone, PlayJob } from './routing/play-worker.ts'
import { type Results, tableOf, verdictsOf } from './routing/report.ts'

const names = CONTENDERS.map(nameOf)
const HELP = `Usage: npm run routing -- [options]

  --seeds N     worlds (default 30)
  --from N      the first seed (default 1)
  --hours N     of each world (default 6)
  --only NAME   ${names.join(' | ')}; may be given several times
  --check       against the goals; exit code 1 if one is missed
  --json        figures of every world as JSON
  --invariants  check the routing invariants in the worlds, instead of comparing`

const values = readOptions(HELP, {
  seeds: { type: 'string', default: '30' },
  from: { type: 'string', default: '1' },
  hours: { type: 'string', default: '6' },
  only: { type: 'string', multiple: true, default: [] },
  json: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  invariants: { type: 'boolean', default: false },
})
const [seeds, from, hours] = [Number(values.seeds), Number(values.from), Number(values.hours)]
const unknown = values.only.filter((name) => !names.includes(name))
if (!Number.isSafeInteger(seeds) || seeds < 1 || !Number.isSafeInteger(from) || !(hours > 0) || unknown.length > 0) {
  wrongUse(`--seeds and --from are whole numbers, --hours is above 0, --only is one of: ${names.join(', ')}`, HELP)
}

const startedAt = performance.now()
const numbers = Array.from({ length: seeds }, (_, n) => from + n)
const progress = (count: number): void => {
  if (process.stderr.isTTY) process.stderr.write(`\r${count}/${seeds} worlds${count === seeds ? '\n' : ''}`)
}
const took = () => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`

const checkInvariants = async (): Promise<boolean> => {
  const jobs = numbers.map((seed): CheckJob => ({ seed, hours }))
  const all = await playAll<CheckJob, CheckDone>(
    new URL('./routing/check-worker.ts', import.meta.url),
    jobs,
    ({ seed, broken }, count) => {
      progress(count)
      if (broken.length === 0) return
      console.error(`\nseed ${seed} breaks:\n  ${broken.join('\n  ')}\nagain: ${replayCommand(seed, hours)}`)
    },
  )
  const failed = all.filter(({ broken }) => broken.length > 0).length
  const found =
    failed === 0 ? `all invariants held in ${seeds} worlds` : `${failed} of ${seeds} worlds broke an invariant`
  console.log(`${found} of ${hours} hours (seeds from ${from}, ${took()})`)
  return failed === 0
}

const compare = async (): Promise<boolean> => {
  const policies = names.filter((name) => values.only.length === 0 || values.only.includes(name) || name === ORACLE)
  const jobs = numbers.map((seed): PlayJob => ({ seed, hours, policies }))
  const done = await playAll<PlayJob, PlayDone>(
    new URL('./routing/play-worker.ts', import.meta.url),
    jobs,
    (_, count) => progress(count),
  )
  const results: Results = new Map(
    policies.map((name, index) => [name, done.flatMap(({ figures }) => figures[index] ?? [])]),
  )
  if (values.json) {
    const worlds = done.map(({ seed, figures }) => ({
      seed,
      figures: Object.fromEntries(policies.map((name, index) => [name, figures[index]])),
    }))
    console.log(JSON.stringify({ hours, worlds }))
  } else console.log(tableOf(results))
  console.error(`${seeds} worlds of ${hours} hours (seeds from ${from}) in ${took()}`)
  console.error(`one of them again: npm run routing -- --seeds 1 --from SEED --hours ${hours}`)
  if (!values.check) return true
  const verdicts = verdictsOf(results)
  for (const { goal, found, isMet } of verdicts) console.error(`${isMet ? 'met   ' : 'MISSED'} ${goal}: ${found}`)
  return verdicts.every(({ isMet }) => isMet)
}

process.exit((await (values.invariants ? checkInvariants() : compare())) ? 0 : 1)
