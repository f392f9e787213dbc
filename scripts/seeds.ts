/**
 * Plays many random worlds in virtual time and checks every invariant of each:
 *   node scripts/seeds.ts --seeds 1000 --from 1 [--shrink 60]
 * Stops at the first world that breaks one, prints its seed, what is broken and the command that shows it again; with
 * `--shrink SECONDS` it looks for a smaller world first. Exit code 0 all held, 1 one broke.
 */
import { checkSeed, replayCommand, shrunk } from '#test/worlds/check-seed.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run seeds -- [options]

  --seeds N         worlds to play (default 200)
  --from N          the first seed (default: another one each time)
  --shrink SECONDS  look for a smaller world that breaks as well
  --keep-going      do not stop at the first world that breaks an invariant`

const values = readOptions(HELP, {
  seeds: { type: 'string', default: '200' },
  from: { type: 'string', default: String(Date.now() % 1_000_000_000) },
  shrink: { type: 'string', default: '0' },
  'keep-going': { type: 'boolean', default: false },
})
const count = Number(values.seeds)
const from = Number(values.from)
if (!Number.isSafeInteger(count) || !Number.isSafeInteger(from)) wrongUse('--seeds and --from are whole numbers', HELP)

const startedAt = performance.now()
const seconds = () => (performance.now() - startedAt) / 1000
let failed = 0
for (let n = 0; n < count; n++) {
  const seed = from + n
  const found = await checkSeed(seed).catch((error: unknown) => [
    `the run itself failed: ${error instanceof Error ? error.stack : String(error)}`,
  ])
  if (found.length > 0) {
    failed++
    console.error(`\nseed ${seed} breaks:\n  ${found.join('\n  ')}\nagain: ${replayCommand(seed)}`)
    const shrinkMs = Number(values.shrink) * 1000
    if (shrinkMs > 0) console.error(`smaller: ${(await shrunk(seed, shrinkMs)) ?? 'none found'}`)
    if (!values['keep-going']) break
  }
  if (process.stderr.isTTY || (n + 1) % 100 === 0)
    process.stderr.write(
      `${process.stderr.isTTY ? '\r' : ''}${n + 1}/${count} worlds, ${seconds().toFixed(0)} s${process.stderr.isTTY ? '' : '\n'}`,
    )
}
console.log(
  `\n${failed === 0 ? `all invariants held in ${count} worlds` : `${failed} worlds broke an invariant`} (seeds from ${from}, ${seconds().toFixed(1)} s)`,
)
process.exit(failed === 0 ? 0 : 1)
