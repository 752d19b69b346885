--- Names of any language in Latin letters, to suggest names that are well formed.
local text = require "core.text"

-- Letters that core.text leaves: each, and what is written for it.
local scripts = {
  latin = "æ ae œ oe ø o ł l đ d ð d þ th ħ h ı i ŋ n ŧ t ƒ f ə e",
  greek = [[α a β v γ g δ d ε e ζ z η i θ th ι i κ k λ l μ m ν n ξ x ο o π p ρ r σ s τ t υ y φ f
    χ ch ψ ps ω o]],
  cyrillic = [[а a б b в v г g ґ g д d ђ dj е e є ye ж zh з z и i і i ј j к k л l љ lj м m н n њ nj
    о o п p р r с s т t ћ c у u ф f х kh ц ts ч ch џ dz ш sh щ shch ы y э e ю yu я ya]],
  hebrew = [[א a ב b ג g ד d ה h ו v ז z ח h ט t י y ך k כ k ל l ם m מ m ן n נ n ס s ע a ף p פ p
    ץ ts צ ts ק k ר r ש sh ת t]],
  arabic = [[ا a ب b ت t ث th ج j ح h خ kh د d ذ dh ر r ز z س s ش sh ص s ض d ط t ظ z ع a غ gh ف f
    ق q ك k ل l م m ن n ه h و w ي y ة a ى a پ p چ ch ژ zh ک k گ g ی y]],
}

local letters = {}
for _, pairs_of in pairs(scripts) do
  for letter, written in pairs_of:gmatch("(%S+) (%S+)") do letters[letter] = written end
end
for _, silent in ipairs { "ъ", "ь", "ء", "ـ", "ʼ" } do letters[silent] = "" end

--- A name in lower case with Latin letters where it is known which ones.
---@param name string  UTF-8
---@return string
return function(name) return (text.plain(name):gsub(utf8.charpattern, letters)) end
