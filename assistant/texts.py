"""Everything the app says, in French and English. Templates of ``str.format``; keys are the same in both."""

from datetime import datetime, timedelta
from typing import Literal

from babel.dates import format_date, format_timedelta

Language = Literal["fr", "en"]

_TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "model": "Model",
        "model_offline": "Offline (no model)",
        "temperature": "Temperature",
        "temperature_help": "Low: precise and repeatable. High: varied and surprising.",
        "system_prompt": "System prompt",
        "system_prompt_help": "What the model should know or keep to, in this conversation only.",
        "settings_refused": "{field}: this value cannot be used; the previous one is kept.",
        "without_model": "**Answered without a model:** {why}",
        "broke_off": "**The answer broke off here:** {why}",
        "no_key": "no key is configured. One line connects {model}, then start again:\n\n"
        "```sh\nexport GEMINI_API_KEY=your-key\n```",
        "offline": "the settings of this conversation ask for that.",
        "quota": "the quota of {model} is used up.",
        "quota_minute": "{model} has had as many requests this minute as its quota allows.",
        "quota_day": "today's quota of {model} is used up.",
        "unavailable": "{model} cannot be reached right now.",
        "silent": "{model} did not answer in time.",
        "empty": "{model} sent an empty answer.",
        "key": "the key for {model} is not accepted. Whoever runs this app can correct it.",
        "unknown_model": "the provider knows no model named {model}. "
        "Choose another one in the settings of this conversation.",
        "too_long": "this message is larger than what {model} can read at once. Shorten it, or send it in parts.",
        "refused": "{model} refused the request.",
        "blocked": "the safety filter of {model} stepped in. Wording the question differently may help.",
        "back": "It should be back {when}.",
        "now": "now",
        "stands_in": "{model} answers: the quota of {chosen} is used up.",
        "try_again": "Try again",
        "retry_help": "Answer again",
        "found": "Your earlier conversations have something on this:",
        "found_files": "Your files have something on this:",
        "in_thread": "in {thread}",
        "found_nothing": "Your earlier conversations have nothing on this yet.",
        "untitled": "Untitled conversation",
        "quote": "“{text}”",
        "not_editable": "This message can no longer be edited here. Reload the page.",
        "interrupted": "This answer was interrupted. What had been written is kept.",
        "continue": "Continue",
        "retry": "Retry",
        "go_on": "Continue exactly where your answer stopped. Repeat nothing of it.",
        "store_degraded": "Kept safely, not yet stored: the database is not answering. You can go on.",
        "store_recovered": "Everything is stored again.",
        "store_lost": "This message is not saved: neither the database nor its safety copy can be written.",
        "store_rejected": "One of your messages could not be stored. It is kept aside for your administrator.",
        "deleted": "This conversation has been deleted, in another window perhaps: what you write here is not kept. "
        "Your next message belongs in a new conversation.",
    },
    "fr": {
        "model": "Modèle",
        "model_offline": "Hors ligne (sans modèle)",
        "temperature": "Température",
        "temperature_help": "Basse : précis et constant. Haute : varié et inattendu.",
        "system_prompt": "Consigne",
        "system_prompt_help": "Ce que le modèle doit savoir ou respecter, dans cette conversation seulement.",
        "settings_refused": "{field} : cette valeur n’est pas utilisable ; la précédente est conservée.",
        "without_model": "**Réponse sans modèle :** {why}",
        "broke_off": "**La réponse s’est interrompue ici :** {why}",
        "no_key": "aucune clé n’est configurée. Une ligne suffit pour connecter {model}, "
        "puis relancez :\n\n```sh\nexport GEMINI_API_KEY=votre-clé\n```",
        "offline": "les paramètres de cette conversation le demandent.",
        "quota": "le quota de {model} est épuisé.",
        "quota_minute": "{model} a déjà reçu autant de demandes cette minute que son quota en permet.",
        "quota_day": "le quota de {model} est épuisé pour aujourd’hui.",
        "unavailable": "{model} est injoignable pour le moment.",
        "silent": "{model} n’a pas répondu à temps.",
        "empty": "{model} a envoyé une réponse vide.",
        "key": "la clé de {model} n’est pas acceptée. La personne qui gère cette application peut la corriger.",
        "unknown_model": "le fournisseur ne connaît aucun modèle nommé {model}. "
        "Choisissez-en un autre dans les paramètres de cette conversation.",
        "too_long": "ce message dépasse ce que {model} peut lire en une fois. "
        "Raccourcissez-le ou envoyez-le en plusieurs parties.",
        "refused": "{model} a refusé la demande.",
        "blocked": "le filtre de sécurité de {model} est intervenu. Essayez de formuler la question autrement.",
        "back": "Il devrait être de retour {when}.",
        "now": "maintenant",
        "stands_in": "{model} répond : le quota de {chosen} est épuisé.",
        "try_again": "Réessayer",
        "retry_help": "Répondre à nouveau",
        "found": "Vos conversations précédentes en parlent :",
        "found_files": "Vos fichiers en parlent :",
        "in_thread": "dans {thread}",
        "found_nothing": "Vos conversations précédentes n’en parlent pas encore.",
        "untitled": "Conversation sans titre",
        "quote": "« {text} »",
        "not_editable": "Ce message n’est plus modifiable ici. Rechargez la page.",
        "interrupted": "Cette réponse a été interrompue. Ce qui était écrit est conservé.",
        "continue": "Continuer",
        "retry": "Recommencer",
        "go_on": "Continue exactement là où ta réponse s’est arrêtée. N’en répète rien.",
        "store_degraded": "Conservé en lieu sûr, pas encore enregistré : la base de données ne répond pas. "
        "Vous pouvez continuer.",
        "store_recovered": "Tout est de nouveau enregistré.",
        "store_lost": "Ce message n’est pas enregistré : ni la base de données ni sa copie de secours ne sont "
        "accessibles en écriture.",
        "store_rejected": "L’un de vos messages n’a pas pu être enregistré : il est mis de côté pour l’administrateur.",
        "deleted": "Cette conversation a été supprimée, peut-être dans une autre fenêtre : ce que vous écrivez ici "
        "n’est pas conservé. Ouvrez une nouvelle conversation pour votre prochain message.",
    },
}


def language(tag: str | None) -> Language:
    """The language to speak to a browser that asks for ``tag`` (RFC 5646, such as fr-CA); English without one."""
    return "fr" if (tag or "").lower().split("-")[0] == "fr" else "en"


def say(key: str, to: Language, **values: object) -> str:
    return _TEXTS[to][key].format(**values)


def date(moment: datetime, to: Language) -> str:
    """``12 November 2026``, ``12 novembre 2026``."""
    return format_date(moment, "d MMMM y", locale=to)


def duration(seconds: float, to: Language) -> str:
    """When something ``seconds`` away happens: ``in 37 seconds``, ``dans 2 heures``, ``now``."""
    if seconds < 1:
        return say("now", to)
    return format_timedelta(timedelta(seconds=round(seconds)), add_direction=True, threshold=1.2, locale=to)
