/**
 * Puts a real box under mixed load for a long time and checks that it is as it was afterwards: heap, handles, sockets, descriptors,
 * write-ahead log:
 *   node scripts/soak.ts --minutes 30 [--clients 24] [--seed 1]
 * One line a minute, a summary at the end. Exit code 0 all flat, 1 something grew or was wrong.
 */
import { Effect } from 'effect'
import { type Holdings, soak } from '../test/soak/soak.ts'
import { readOptions, wrongUse } from './options.ts'

const HELP = `Usage: npm run soak -- [options]

  --minutes N  how long (default 30)
  --clients N  at a time (default 24)
  --seed N     the same clients again (default: others each time)`

const values = readOptions(HELP, {
  minutes: { type: 'string', default: '30' },
  clients: { type: 'string', default: '24' },
  seed: { type: 'string', default: String(Date.now() % 1_000_000) },
})
const minutes = Number(values.minutes)
const clients = Number(values.clients)
const seed = Number(values.seed)
if (!(minutes > 0) || !Number.isSafeInteger(clients) || !Number.isSafeInteger(seed)) {
  wrongUse('--minutes is a number above zero, --clients and --seed are whole numbers', HELP)
}

const MB = 1024 * 1024
/** In ten minutes, after warm-up. */
const MOST_HEAP_GROWTH = MB
const MOST_WAL = 64 * MB
const line = ({ at, heapBytes, rssBytes, descriptors, sockets, walBytes }: Holdings): string =>
  `${(at / 60).toFixed(1)} min: heap ${(heapBytes / MB).toFixed(1)} MB, RSS ${(rssBytes / MB).toFixed(0)} MB, ${descriptors} descriptors, ${sockets} sockets, WAL ${(walBytes / MB).toFixed(1)} MB`

let shown = 0
const report = await Effect.runPromise(
  soak({
    seconds: minutes * 60,
    clients,
    seed,
    onSample: (sample) => {
      if (sample.at / 60 < shown) return
      shown = Math.floor(sample.at / 60) + 1
      console.log(line(sample))
    },
  }),
)
const { asked, whole, left, before, after, heapSlope, samples } = report
const largestWal = Math.max(...samples.map(({ walBytes }) => walBytes))
// A shorter run says nothing of ten minutes.
const grew =
  minutes >= 20 && heapSlope > MOST_HEAP_GROWTH
    ? [`the heap grows by ${(heapSlope / MB).toFixed(2)} MB in ten minutes`]
    : []
const problems = [...report.problems, ...grew, ...(largestWal > MOST_WAL ? [`a WAL of ${largestWal} bytes`] : [])]
console.log(`\nbefore  ${line(before)}\nafter   ${line(after)}`)
console.log(
  `${minutes} min, ${clients} clients, seed ${seed}: ${asked} requests, ${whole} answered to their end, ${left} left by their client; heap slope ${(heapSlope / MB).toFixed(2)} MB in ten minutes, largest WAL ${(largestWal / MB).toFixed(1)} MB.`,
)
for (const problem of problems) console.error(`  ${problem}`)
console.log(problems.length === 0 ? 'As it was.' : `${problems.length} problems, above.`)
process.exit(problems.length === 0 ? 0 : 1)
