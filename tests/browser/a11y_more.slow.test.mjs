// The visitors' page, checked for accessibility in the other half of its states.
import { checkScenes } from './a11y_checks.mjs'
import { scenes } from './scenes.mjs'

checkScenes(scenes, { from: 1, step: 2 })
