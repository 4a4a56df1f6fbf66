"""Everything the app says, in French and English. Templates of ``str.format``; keys are the same in both."""

from datetime import datetime
from typing import Literal

from babel.dates import format_date

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
        "no_key": "**Answered without a model:** no key is configured. One line connects {model}, then start again:\n\n"
        "```sh\nexport GEMINI_API_KEY=your-key\n```",
        "offline": "**Answered without a model**, as this conversation's settings ask.",
        "quota": "**Answered without a model:** the quota of {model} is used up for now.",
        "unavailable": "**Answered without a model:** {model} cannot be reached right now.",
        "refused": "**Answered without a model:** {model} refused the request. Check the key and the model's name.",
        "cut_off": "**The answer of {model} broke off here.**",
        "found": "Your earlier conversations have something on this:",
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
        "no_key": "**Réponse sans modèle :** aucune clé n’est configurée. Une ligne suffit pour connecter {model}, "
        "puis relancez :\n\n```sh\nexport GEMINI_API_KEY=votre-clé\n```",
        "offline": "**Réponse sans modèle**, comme le demandent les paramètres de cette conversation.",
        "quota": "**Réponse sans modèle :** le quota de {model} est épuisé pour le moment.",
        "unavailable": "**Réponse sans modèle :** {model} est injoignable pour le moment.",
        "refused": "**Réponse sans modèle :** {model} a refusé la demande. Vérifiez la clé et le nom du modèle.",
        "cut_off": "**La réponse de {model} s’est interrompue ici.**",
        "found": "Vos conversations précédentes en parlent :",
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
