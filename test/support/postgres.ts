/** Databases for tests, on a real PostgreSQL server that all files of a run share (postgres-setup.ts). */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

/** The `postgres://…` URL of a new, empty database, for its owner, who is the superuser. */
export const freshDatabase = async (): Promise<string> => {
  const answer = await fetch(inject('postgresDesk'))
  const server = await answer.text()
  if (!answer.ok) throw new Error(server)
  return createDatabase(server)
}

/** The same on the server of another URL. `template`: the name of the database that it is a copy of. */
export const createDatabase = async (server: string, template = 'template1'): Promise<string> => {
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onDatabase(server, `CREATE DATABASE ${name} TEMPLATE ${template}`)
  return at(server, name)
}

/** A new database with everything that another has, to which nobody may be connected. */
export const copyDatabase = (url: string): Promise<string> =>
  createDatabase(at(url, 'postgres'), new URL(url).pathname.slice(1))

const at = (server: string, database: string): string => {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

/** Runs statements one after the other, on a connection of their own, and answers with the rows of the last. */
export const onDatabase = async (url: string, ...statements: readonly string[]): Promise<readonly Row[]> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    let rows: readonly Row[] = []
    for (const statement of statements) rows = (await client.query<Row>(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

type Row = { readonly [column: string]: unknown }
