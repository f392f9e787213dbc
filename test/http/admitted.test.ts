/**
 * What the log keeps of who asked, and for what project.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claudeEnvironment } from '#cli/code.ts'
import type { MessagesRequest } from '#domain/dialect/anthropic-request.ts'
import { requestId } from '#domain/ids.ts'
import { type AdmissionQuestion, readAdmission } from '#http/admitted.ts'

const request: MessagesRequest = {
  ...{ model: 'claude-opus-5-5', stream: false, maxTokens: 64, messages: 1, tools: 0 },
  ...{ images: 0, imageBytes: 0, needs: [], isClean: true },
}
const read = (headers: { readonly [name: string]: string }, client?: AdmissionQuestion['client']) => {
  const reading = readAdmission({
    ...{ requestId: requestId('req_1'), request, bodyBytes: 100, strategies: [] },
    header: (name) => headers[name],
    ...(client === undefined ? {} : { client }),
  })
  if (reading._tag === 'Invalid') throw new Error(reading.message)
  return reading.admitted
}
const projectOf = (text: string) => read({ 'x-signalbox-project': text }).project

describe('an admitted request', () => {
  it('names the key that it came with, never the key', () => {
    const key = { keyId: 'key_1', name: 'ci', digest: 'd', createdAt: 0, createdBy: 'cli' }
    const admitted = read({}, { key, isAnonymous: true })
    expect(admitted).toMatchObject({ clientKey: 'ci', anonymous: true })
    expect(JSON.stringify(admitted)).not.toMatch(/key_1|digest/)
    expect(read({}, { isAnonymous: false })).not.toHaveProperty('anonymous')
    expect(read({})).not.toHaveProperty('clientKey')
  })

  it.each([
    ['signalbox', 'signalbox'],
    ['  two words ', 'two words'],
    ['B%C3%BCro 100%25', 'Büro 100%'],
    ['100% mine', '100% mine'],
    ['a%00%1B%0Ab', 'ab'],
    ['%E2%80%AEtxt.exe', 'txt.exe'],
    ['%F0%9F%9A%82'.repeat(101), '🚂'.repeat(100)],
  ])('of the project %s keeps what can be printed: %s', (sent, kept) => {
    expect(projectOf(sent)).toBe(kept)
  })

  it.each(['', '   ', '%00', '%20'])('has no project where it says "%s"', (sent) => {
    expect(read({ 'x-signalbox-project': sent })).not.toHaveProperty('project')
  })

  it('has the project that `signalbox code` gave it, whatever the folder is called', () => {
    const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((name) => !/\p{C}/u.test(name))
    fc.assert(
      fc.property(names, (folder) => {
        const { ANTHROPIC_CUSTOM_HEADERS: line = '' } = claudeEnvironment(
          {},
          { url: 'http://127.0.0.1:8080', clientCredential: false, folder },
        )
        const value = line.slice(line.indexOf(':') + 1).trim()
        expect(value).toMatch(/^[ -~]*$/)
        expect(projectOf(value)).toBe([...folder.trim()].slice(0, 100).join('').trim() || undefined)
      }),
    )
  })
})
