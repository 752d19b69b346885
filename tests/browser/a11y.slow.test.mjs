// The visitors' page, checked for accessibility in half of its states; a11y_more has the others.
import { checkScenes } from './a11y_checks.mjs'
import { scenes } from './scenes.mjs'

checkScenes(scenes, { from: 0, step: 2 })
