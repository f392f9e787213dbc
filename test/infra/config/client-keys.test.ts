/** Whether clients need a key, as the configuration says it. */
import { describe, expect, it } from 'vitest'
import { place } from './place.ts'

const BASE = 'providers: { a: { kind: anthropic } }\n'
const files = (server: string) => place({ 'signalbox.yaml': `${BASE}server: ${server}\n` })

describe('server.clientKeys', () => {
  it.each(['off', 'optional', 'required'])('may be %s', (mode) => {
    expect(files(`{ clientKeys: ${mode} }`).good().server.clientKeys).toBe(mode)
    const environment = { SIGNALBOX_SERVER__CLIENT_KEYS: mode }
    expect(files('{ port: 1 }').good({ environment }).server.clientKeys).toBe(mode)
  })

  it('is optional when nothing is said', () => {
    expect(files('{ port: 1 }').good().server.clientKeys).toBe('optional')
  })

  it('is nothing else', () => {
    expect(files('{ clientKeys: always }').problems()).toEqual([
      expect.stringMatching(/server\.clientKeys: .*off, optional.* required/),
    ])
  })
})
