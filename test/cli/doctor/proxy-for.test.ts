import { describe, expect, it } from 'vitest'
import { proxyFor } from '#cli/doctor/proxy-for.ts'
import { providerId } from '#domain/ids.ts'

const id = providerId('it')
const at = (baseUrl: string) => ({ id, baseUrl })
const https = at('https://api.example.com/v1')

describe('the proxy in between', () => {
  it('is the one of the configuration before any variable, without user and password', () => {
    const provider = { ...https, proxy: 'http://user:canary@proxy.example.com:3128' }
    const found = proxyFor(provider, { HTTPS_PROXY: 'http://other:1' })
    expect(found).toEqual({ from: 'providers.it.proxy', host: 'proxy.example.com:3128' })
  })

  it('is the one for https, else the one for http, small letters first', () => {
    const HTTP_PROXY = 'http://plain:1'
    const HTTPS_PROXY = 'http://secure:2'
    expect(proxyFor(https, { HTTP_PROXY, HTTPS_PROXY })).toEqual({ from: 'HTTPS_PROXY', host: 'secure:2' })
    expect(proxyFor(https, { HTTP_PROXY })).toEqual({ from: 'HTTP_PROXY', host: 'plain:1' })
    expect(proxyFor(https, { HTTPS_PROXY, https_proxy: 'http://small:3' })?.host).toBe('small:3')
    expect(proxyFor(at('http://api.example.com'), { HTTPS_PROXY })).toBeUndefined()
  })

  it('is named by its variable alone when it is no URL, which may be a secret by itself', () => {
    expect(proxyFor(https, { HTTPS_PROXY: 'user:canary' })).toEqual({ from: 'HTTPS_PROXY', host: undefined })
  })

  it.each([
    ['*', true],
    ['api.example.com', true],
    ['example.com', true],
    ['.example.com', true],
    ['*.example.com', true],
    ['other.com, api.example.com:443', true],
    ['api.example.com:8443', false],
    ['*.api.example.com', false],
    ['ample.com', false],
    ['', false],
  ])('NO_PROXY=%s excepts the host: %s', (NO_PROXY, isExempt) => {
    expect(proxyFor(https, { HTTPS_PROXY: 'http://secure:2', NO_PROXY }) === undefined).toBe(isExempt)
  })

  it('is none for an address in brackets that NO_PROXY names', () => {
    const local = at('http://[::1]:8080')
    expect(proxyFor(local, { HTTP_PROXY: 'http://plain:1', NO_PROXY: '[::1]:8080' })).toBeUndefined()
    expect(proxyFor(local, { HTTP_PROXY: 'http://plain:1', NO_PROXY: '[::1]:80' })?.host).toBe('plain:1')
  })
})
