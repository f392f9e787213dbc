/** The oldest PostgreSQL that is served: the same contract as of the newest, on a server of its own. */
import { afterAll, beforeAll } from '@effect/vitest'
import { clusterContract } from '#test/cluster-contract.ts'
import { createDatabase } from '#test/postgres.ts'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'
import { layerPostgresStore } from './postgres-store.ts'

let cluster: PostgresCluster
beforeAll(async () => {
  cluster = await startCluster({ release: 15 })
})
afterAll(() => cluster.remove())

clusterContract('PostgreSQL 15', () => layerPostgresStore(() => createDatabase(cluster.url('postgres'))), {
  isLive: true,
})
