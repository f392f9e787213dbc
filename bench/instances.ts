/**
 * Requests a second of one instance and of three on one PostgreSQL, behind the same balancer, providers and clients on the same
 * machine: what sharing a log costs where there is no more machine to gain.
 *   node bench/instances.ts [--seconds 10] [--clients 24]
 */
import { parseArgs } from 'node:util'
import { Effect } from 'effect'
import { instancesRun } from '../test/instances/run.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, clients: { type: 'string', default: '24' } },
})
const seconds = Number(values.seconds)

const rows = []
for (const instances of [1, 3]) {
  const report = await Effect.runPromise(
    instancesRun({
      ...{ seed: 1, instances, faults: [], calmMs: seconds * 1_000, pauseMs: 0 },
      connections: Number(values.clients),
    }),
  )
  rows.push({
    instances,
    'requests/s': Math.round(report.answers / seconds),
    'events/s': Math.round(report.events / seconds),
    problems: report.problems.length,
  })
}
console.table(rows)
