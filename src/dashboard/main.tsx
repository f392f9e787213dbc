/**
 * The dashboard: a page that knows nothing but what it asks of the admin API.
 */
import { render } from 'preact'
import { App } from './app.tsx'
import { takeTokenFromAddress } from './token.ts'

takeTokenFromAddress()
const root = document.getElementById('app')
if (root !== null) render(<App />, root)
