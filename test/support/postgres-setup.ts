/**
 * One PostgreSQL server for a whole run of the tests, started when the first of them asks for it: the files of a run are separate
 * processes, so they ask this one at a desk on loopback.
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestProject } from 'vitest/node'
import { type PostgresCluster, startCluster } from '#test/postgres-cluster.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers with the URL of the server's database `postgres`. */
    readonly postgresDesk: string
  }
}

export default async (project: TestProject): Promise<() => Promise<void>> => {
  let cluster: Promise<PostgresCluster> | undefined
  const desk = createServer((_, response) => {
    cluster ??= startCluster()
    cluster.then(
      ({ url }) => response.end(url('postgres')),
      (error: unknown) => response.writeHead(500).end(String(error)),
    )
  })
  desk.listen(0, '127.0.0.1')
  await once(desk, 'listening')
  const address = desk.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port')
  project.provide('postgresDesk', `http://127.0.0.1:${address.port}/`)
  return async () => {
    desk.close()
    desk.closeAllConnections()
    if (cluster !== undefined) await (await cluster).remove()
  }
}
