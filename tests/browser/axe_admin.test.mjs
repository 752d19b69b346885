// The admin's page, as axe-core sees it.
import { inspect } from './axe.mjs'
import { states } from './states.mjs'

inspect(Object.entries(states).filter(([name]) => name.startsWith('admin')))
