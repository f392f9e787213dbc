import { clusterContract } from '#test/cluster-contract.ts'
import { freshDatabase } from '#test/postgres.ts'
import { layerPostgresStore } from './postgres-store.ts'

clusterContract('PostgreSQL', () => layerPostgresStore(freshDatabase), { isLive: true })
