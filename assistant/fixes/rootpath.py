"""Below a root path Chainlit's page asks for the picture of its sign-in page at "/": it takes the address as it is."""

from chainlit.config import config


def install() -> None:
    root, image = config.run.root_path.rstrip("/"), config.ui.login_page_image
    if image and image.startswith("/") and not image.startswith(f"{root}/public/"):
        config.ui.login_page_image = root + image
