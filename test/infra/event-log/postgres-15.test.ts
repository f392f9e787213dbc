/** The oldest PostgreSQL that is served: the same contracts as of the newest, on a server of its own. */
import { afterAll, beforeAll } from '@effect/vitest'
import { Effect, Layer } from 'effect'
import { layerPostgres } from '#infra/event-log/postgres.ts'
import { booksContract } from '#test/books-contract.ts'
import { eventLogContract } from '#test/event-log-contract.ts'
import { createDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'

let cluster: PostgresCluster
beforeAll(async () => {
  cluster = await startCluster({ release: 15 })
})
afterAll(() => cluster.remove())

const layerFresh = () =>
  Layer.unwrap(
    Effect.map(
      Effect.promise(() => createDatabase(cluster.url('postgres'))),
      (url) => layerPostgres({ url }),
    ),
  )

eventLogContract('PostgreSQL 15', layerFresh)
booksContract('PostgreSQL 15', layerFresh)
