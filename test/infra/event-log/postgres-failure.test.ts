import pg from 'pg'
import { expect, it } from 'vitest'
import { LogFailure } from '#infra/event-log/log-failure.ts'
import { leavesConnection, reasonOf } from '#infra/event-log/postgres-failure.ts'
import { withoutPassword } from '#infra/event-log/postgres-options.ts'

const server = (code: string) => Object.assign(new pg.DatabaseError('told by the server', 1, 'error'), { code })
const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code })

const meanings: readonly (readonly [tag: string, ...codes: string[]])[] = [
  // Lost, going down, starting up, given up, locked, deadlocked, a standby, too many connections, out of disk and memory.
  ['Unavailable', '08006', '08003', '57P01', '57P02', '57P03', '57P05', '57014', '55P03', '40P01', '40001'],
  ['Unavailable', '25006', '25P03', '53300', '53100', '53200', '58030'],
  ['Conflict', '23505', 'SB001', 'SB002'],
  ['Unusable', '28P01', '28000', '3D000', '42501', '42P01', '42883', '3F000', 'XX001', 'XX002'],
]
it.each(meanings)('is %s by the state that the server tells: %s …', (tag, ...codes) => {
  for (const code of codes) expect([code, reasonOf(server(code))?._tag]).toEqual([code, tag])
})

it('knows the ways in which a server cannot be reached', () => {
  for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'EHOSTUNREACH']) {
    expect(reasonOf(network(code))).toEqual({
      _tag: 'Unavailable',
      detail: `the event log cannot be reached (${code})`,
    })
  }
  // The driver has no code for these.
  expect(reasonOf(new Error('Connection terminated unexpectedly'))?._tag).toBe('Unavailable')
})

it('takes nothing of ours for a failure of the database', () => {
  for (const bug of [
    new TypeError('x is not a function'),
    new RangeError('too long'),
    'text',
    server('42703'),
    server('22P02'),
  ]) {
    expect(reasonOf(bug)).toBeUndefined()
  }
})

it('keeps a connection after a refused statement, and no other', () => {
  for (const code of ['23505', 'SB001', '55P03', '57014', '22P02']) expect(leavesConnection(server(code))).toBe(true)
  expect(leavesConnection(new LogFailure({ _tag: 'Conflict', detail: '' }))).toBe(true)
  for (const gone of [server('57P01'), server('08006'), server('25P03'), network('ECONNRESET'), new Error('late')]) {
    expect(leavesConnection(gone)).toBe(false)
  }
})

it('masks a password however it stands in a text, and leaves texts without one alone', () => {
  const masked = (url: string, text: string) => withoutPassword(url, text)
  expect(masked('postgres://u:p%40ss@h/d', 'p@ss and p%40ss, twice p@ss')).toBe('••• and •••, twice •••')
  expect(masked('postgres://h/d?password=secret', 'a secret')).toBe('a •••')
  expect(masked('postgres://u:100%@h/d', 'the 100% one')).toBe('the ••• one')
  expect(masked('postgres://u@h/d', 'nothing to hide')).toBe('nothing to hide')
})
