/**
 * Fuzzes parsers, translators, files and the HTTP entry with random cases; test/fuzz says which and how:
 *   node scripts/fuzz.ts --cases 1000000 [--from 1] [--target anthropic-stream]
 * A failing case is printed with its complaint and the command that runs it again. Exit code 0 all was well, 1 something was not.
 */
import { again, fuzz } from '../test/fuzz/run.ts'
import { targets } from '../test/fuzz/targets.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run fuzz -- [options]

  --cases N      of all targets together (default 1000000)
  --from N       number of the first case (default: another one each time)
  --target NAME  this target alone: ${targets.map(({ name }) => name).join(', ')}`

const values = readOptions(HELP, {
  cases: { type: 'string', default: '1000000' },
  from: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  target: { type: 'string' },
})
const cases = Number(values.cases)
const from = Number(values.from)
if (!Number.isSafeInteger(cases) || !Number.isSafeInteger(from)) wrongUse('--cases and --from are whole numbers', HELP)
const chosen = targets.filter(({ name }) => values.target === undefined || values.target === name)
if (chosen.length === 0) wrongUse(`there is no target ${values.target}`, HELP)

const shares = chosen.reduce((sum, { share }) => sum + share, 0)
const jobs = chosen.map(({ name, share }) => ({ target: name, from, cases: Math.ceil((cases * share) / shares) }))
const total = jobs.reduce((sum, job) => sum + job.cases, 0)
const startedAt = performance.now()
const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(0)
const STEPS = 50
let shown = 0

const failures = await fuzz(jobs, {
  onProgress: (begun) => {
    const step = Math.floor((begun * STEPS) / total)
    if (process.stderr.isTTY) process.stderr.write(`\r${begun}/${total} cases, ${seconds()} s`)
    else if (step > shown) console.error(`${begun}/${total} cases, ${seconds()} s`)
    shown = Math.max(shown, step)
  },
  onFailure: (failure) => {
    console.error(`\n${failure.target} case ${failure.seed}: ${failure.complaint}\nagain: ${again(failure)}`)
  },
})
console.log(
  `\n${failures.length === 0 ? `nothing found in ${total} cases of ${chosen.length} targets` : `${failures.length} of ${chosen.length} targets failed`} (cases from ${from}, ${seconds()} s)`,
)
process.exit(failures.length === 0 ? 0 : 1)
